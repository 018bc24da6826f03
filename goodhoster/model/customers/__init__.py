"""Values about customers: the register, vetting, contacts, screening, standing and suspensions."""
