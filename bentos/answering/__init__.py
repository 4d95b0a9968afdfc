"""From a text to an answer: which version answers, the cache, the model, the log; corrections; the shadow. No HTTP."""
