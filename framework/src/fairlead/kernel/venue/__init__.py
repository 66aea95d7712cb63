"""The shell towards the exchange: what is sent, what comes back, what is asked, and when."""
