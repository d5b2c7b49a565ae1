"""What one machine can serve: 32 tenants at once, and the same of services written the usual way."""
