"""What passes the one door and what stands behind it: inputs, effects, the state, prices as it reads them."""
