"""Contents known to be harmless, such as the files of a CMS release."""
