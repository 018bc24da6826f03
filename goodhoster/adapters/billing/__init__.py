"""Billing systems, one module each; a suspension there says nothing of the panel behind."""
