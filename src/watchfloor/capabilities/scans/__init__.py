"""Which services an organisation's targets expose, and what is wrong with them."""
