"""What running a service takes: settings, logs."""
