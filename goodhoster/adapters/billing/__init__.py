"""Billing systems, one module each. Their suspensions are of services, and say nothing of the panel behind them."""
