"""Orders behind an API on which Verified Permissions decides: `authorizer` for all related actions in one call."""
