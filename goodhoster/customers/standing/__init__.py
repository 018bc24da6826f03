"""Gates, standing, consequences and appeals of customers."""
