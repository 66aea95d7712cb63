"""What plugins add to a running kernel: price sources and components, each a supervised part."""
