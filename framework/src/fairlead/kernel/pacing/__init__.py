"""The venue's rate limits as the kernel reckons with them, and what is shown of them."""
