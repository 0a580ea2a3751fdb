package postgres

// Owner is Aurora's master user, whom migrate signs in as.
const Owner = owner
