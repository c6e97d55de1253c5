"""The whole bench: limits of the machine, peers and slicemill in turns on the same inputs. See bench/README.md."""
