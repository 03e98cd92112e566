import pytest

from keras_t2i.data import Birds, Emoji, Shapes
from keras_t2i.metrics.protocols import find_protocol
from keras_t2i.metrics.protocols.pools import CaptionFile
from keras_t2i.metrics.protocols.sources import DataSets


def test_shapes_are_new_ones_in_every_role():
    protocol, sources = find_protocol("fid_lite0_5k_shapes[count=12]"), DataSets()
    captions, reference = sources.captions(protocol), sources.reference(protocol)
    assert (len(captions), len(reference)) == (12, 5000)
    assert captions.captions(0) != reference.captions(0)
    assert sources.real(protocol).captions(3) == captions.captions(3)


def test_emoji_compare_with_train_and_bound_by_what_is_held_out():
    protocol, sources = find_protocol("fid_lite0_5k_emoji"), DataSets()
    assert len(sources.captions(protocol)) == len(sources.reference(protocol))
    assert len(sources.real(protocol)) == len(Emoji("val")) + len(Emoji("test"))


def test_what_is_told_is_judged_on_held_out_captions():
    pool = DataSets().captions(find_protocol("r_precision_emoji"))
    assert len(pool) == len(Emoji("val")) + len(Emoji("test"))


def test_missing_data_says_what_to_bring():
    with pytest.raises(ValueError, match=r"pass `data` \(--data\), the birds of CUB-200-2011"):
        DataSets().captions(find_protocol("fid_lite0_5k_birds"))


def test_other_data_than_birds_are_no_birds():
    with pytest.raises(ValueError, match="data=Shapes"):
        DataSets(Shapes(count=3)).captions(find_protocol("fid_lite0_5k_birds"))


def test_own_data_may_be_any_source_and_lack_a_split():
    source = Shapes("train", count=9)
    pool = DataSets(source).captions(find_protocol("r_precision_own"))
    assert len(pool) == 18


def test_variants_lack_a_split_alike_unless_it_is_asked_for(shared_data):
    sources = DataSets(Birds(shared_data / "birds_64"))  # has no "val"
    whole = sources.captions(find_protocol("r_precision_own"))
    assert len(sources.captions(find_protocol("r_precision_own[side=64]"))) == len(whole)
    with pytest.raises(ValueError, match=r"some of \['train', 'test'\].*Received: val"):
        sources.captions(find_protocol("r_precision_own[split=val]"))


def test_birds_are_read_from_their_folder(shared_data):
    sources = DataSets(shared_data / "birds_64")
    protocol = find_protocol("fid_lite0_5k_birds")
    assert (len(sources.captions(protocol)), len(sources.real(protocol))) == (1035, 223)
    cub = sources.captions(find_protocol("stackgan_is_cub"))
    assert len(cub) == len(Birds(shared_data / "birds_64", split="test", split_by="zero_shot"))


def test_published_protocols_do_with_captions_alone(shared_data):
    path = shared_data / "captions_text" / "cub_zero_shot_test_captions.jsonl"
    pool = DataSets(path).captions(find_protocol("damsm_r_precision"))
    assert isinstance(pool.sources[0], CaptionFile)
    assert len(pool) == 2933
    assert len(set(pool.groups.tolist())) == 50


def test_captions_without_classes_are_no_rivals(tmp_path):
    path = tmp_path / "captions.txt"
    path.write_text("a red bird\na gull\n")
    assert len(DataSets(path).captions(find_protocol("stackgan_is_cub"))) == 2
    with pytest.raises(ValueError, match="needs its `class_id`.*without classes"):
        DataSets(path).captions(find_protocol("damsm_r_precision"))


def test_options_need_a_path():
    with pytest.raises(ValueError, match="go with a path"):
        DataSets(Shapes(count=3), {"split": "test"})


def test_an_unknown_kind_of_data_is_refused(small):
    with pytest.raises(ValueError, match="data='clouds'"):
        DataSets().captions(small(data="clouds"))
