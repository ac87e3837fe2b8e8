"""Speaking with ComfyUI servers: one (`client`) or many (`fleet`). What to ask them is not here."""
