"""`make fuzz`: damaged SIP at a real node while ordinary calls and pickups go on."""
