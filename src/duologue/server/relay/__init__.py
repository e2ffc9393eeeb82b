"""Sessions that an upstream server holds, carried by this one."""
