"""An exchange of another author: the client of an invented venue, Tally, and that venue itself."""
