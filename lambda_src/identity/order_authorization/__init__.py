"""An API for orders that Verified Permissions authorizes: `authorizer` decides all related actions in one call."""
