"""The grammar: a closed vocabulary, sentences that are all different, and a function of the seed."""

from hybrid_kd.corpus.sentences import SLOT, SLOTS, TEMPLATES, draw_sentences, vocabulary


def test_every_slot_is_used_and_has_words_that_are_all_different() -> None:
    used = {name for _, template in TEMPLATES for name in SLOT.findall(template)}
    assert used == SLOTS.keys()
    for words in SLOTS.values():
        assert len(words.split()) == len(set(words.split()))


def test_sentences_keep_to_the_vocabulary_and_are_short() -> None:
    words = set(vocabulary())
    assert 400 <= len(words) <= 600
    sentences = draw_sentences(0, "test", 2000)
    assert {word for sentence in sentences for word in sentence.split()} == words
    assert 5.9 < sum(len(sentence.split()) for sentence in sentences) / 2000 < 6.5


def test_sentences_are_different_from_each_other_and_from_those_excluded() -> None:
    first = draw_sentences(0, "test", 500)
    again = draw_sentences(0, "test", 500, exclude=frozenset(first[:100]))
    assert len(set(first)) == len(set(again)) == 500
    assert not set(first[:100]) & set(again)


def test_sentences_are_a_function_of_seed_and_purpose() -> None:
    assert draw_sentences(0, "test", 50) == draw_sentences(0, "test", 50)
    assert draw_sentences(0, "test", 50) == draw_sentences(0, "test", 60)[:50]
    assert len({tuple(draw_sentences(seed, what, 5)) for seed in (0, 1) for what in ("a", "b")}) == 4
