"""Values about customers: register, vetting, contacts, screening, standing, suspensions."""
