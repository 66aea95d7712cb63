"""The command line. Nothing else imports it; it needs the extra ``fairlead[cli]``."""
