"""One OpenAPI file becomes a REST API, its documentation and its clients. The sample service keeps widgets."""
