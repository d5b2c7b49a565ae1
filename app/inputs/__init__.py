"""Support sets and queries from forms and archives: read, decoded and kept, within bounds."""
