"""The HTTP application: routes, the requests and answers they take and give, middleware, errors."""
