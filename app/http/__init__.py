"""The HTTP interface: routes, middleware, problem documents, OpenAPI and server-sent events."""
