"""Who a user is: directories, sign-in, and what a signed-in user may do."""
