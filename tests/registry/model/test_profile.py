from registry.model.profile import EDGES, profile_of


def test_labels_and_lengths_are_counted_each_edge_with_the_bin_above_it():
    lengths = (0, EDGES[0] - 1, EDGES[0], EDGES[-1] - 1, EDGES[-1], 5_000)
    profile = profile_of([("ham", "x" * length) for length in lengths] + [("spam", "")])
    assert profile.labels == {"ham": 6, "spam": 1} and profile.texts == 7
    assert profile.lengths == [3, 1, *[0] * (len(EDGES) - 3), 1, 2]
