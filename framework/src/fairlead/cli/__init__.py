"""The command line `fairlead`; nothing else imports it, and it needs the extra `fairlead[cli]`."""
