from pipelines.data.twins import twin_groups


def test_twins_share_a_group_and_strangers_do_not():
    groups = twin_groups(
        [
            "Had your mobile 11 months or more? You are entitled to update to the latest colour mobiles",
            "Had your mobile 10 months or more? You are entitled to update to the newest colour mobiles",
            "Sorry, I'll call later",
            "ok",
        ],
        similarity=0.5,
    )
    assert groups[0] == groups[1] and len(set(groups)) == 3
