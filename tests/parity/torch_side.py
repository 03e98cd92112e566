"""What PyTorch computes: the authors' networks, with channels last and our names."""

from __future__ import annotations

import authors_critics
import authors_encoders
import authors_generators
import authors_stack_gans
import cases
import torch

STAGES = {
    "attn_gan": authors_generators.AttentionStage,
    "dm_gan": authors_generators.MemoryStage,
}


def shapes_of(network):
    """What the network's state dict holds, but for the counts of steps, which are not needed."""
    state = network.state_dict()
    return {n: tuple(x.shape) for n, x in state.items() if not n.endswith("num_batches_tracked")}


def loaded(network, seed):
    state = cases.made_state(shapes_of(network), seed)
    network.load_state_dict({n: torch.from_numpy(x) for n, x in state.items()}, strict=False)
    return network.eval()


@torch.no_grad()
def generator(system, *, neighbours, seed=0):
    network = authors_generators.WordGenerator(cases.WIDTH, **cases.GENERATOR, stage=STAGES[system])
    given = {n: torch.from_numpy(x) for n, x in cases.generator_inputs(seed).items()}
    given["words"] = given["words"].transpose(1, 2)
    found = loaded(network, seed)(**given, neighbours=neighbours)
    return {name: last(array) for name, array in found.items()}


@torch.no_grad()
def critic(system, side, *, seed=0):
    network = authors_critics.Discriminator(
        side, cases.CRITIC_WIDTH, text=cases.GENERATOR["text"], spectral=system == "dm_gan"
    )
    sentence = cases.generator_inputs(seed)["sentence"][:2]
    found = loaded(network, seed)(
        first(cases.pictures(side, seed=seed)), torch.from_numpy(sentence)
    )
    return {name: last(array) for name, array in found.items()}


@torch.no_grad()
def text_encoder(seed=0):
    network = authors_encoders.TextEncoder(cases.WORDS, cases.EMBEDDING, cases.UNITS)
    tokens, lengths = torch.from_numpy(cases.TOKENS).long(), torch.from_numpy(cases.LENGTHS)
    words, sentence = loaded(network, seed)(tokens, lengths)
    return {"words": last(words), "sentence": last(sentence)}


@torch.no_grad()
def image_encoder(seed=0):
    network = authors_encoders.ImageEncoder(cases.FEATURES)
    regions, code = loaded(network, seed)(first(cases.pictures(64, seed=seed)))
    return {"regions": last(regions), "code": last(code)}


@torch.no_grad()
def tree_generator(text, *, seed=0):
    """StackGAN++'s, with or without captions."""
    sizes = dict(cases.GENERATOR)
    if not text:
        sizes["text"] = None
    network = loaded(authors_stack_gans.TreeGenerator(cases.WIDTH, **sizes), seed)
    found = network(*sentences(seed)[: 3 if text else 1])
    return {name: last(array) for name, array in found.items()}


@torch.no_grad()
def tree_critic(side, *, seed=0):
    told = cases.GENERATOR["condition"]
    network = authors_stack_gans.TreeDiscriminator(side, cases.CRITIC_WIDTH, text=told)
    mean = torch.from_numpy(cases.generator_inputs(seed)["further"][:2])
    found = loaded(network, seed)(first(cases.pictures(side, seed=seed)), mean)
    return {name: last(array) for name, array in found.items()}


@torch.no_grad()
def plain_generator(stage, *, seed=0):
    """StackGAN's for COCO."""
    sizes = {name: cases.GENERATOR[name] for name in ("text", "condition", "noise")}
    given = sentences(seed)
    if stage == 1:
        network = authors_stack_gans.PlainFirst(2 * cases.WIDTH, **sizes)
    else:
        network = authors_stack_gans.PlainSecond(2 * cases.WIDTH, **sizes, blocks=2)
        given.append(-given[1])
    return {name: last(array) for name, array in loaded(network, seed)(*given).items()}


@torch.no_grad()
def plain_critic(stage, *, seed=0):
    told, side = cases.GENERATOR["condition"], {1: 64, 2: 256}[stage]
    network = authors_stack_gans.PlainDiscriminator(stage, cases.CRITIC_WIDTH, text=told)
    mean = torch.from_numpy(cases.generator_inputs(seed)["further"][:2])
    found = loaded(network, seed)(first(cases.pictures(side, seed=seed)), mean)
    return {name: last(array) for name, array in found.items()}


def sentences(seed):
    given = cases.generator_inputs(seed)
    return [torch.from_numpy(given[name]) for name in ("noise", "further", "sentence")]


def first(array):
    """Pictures with channels first."""
    return torch.from_numpy(array).permute(0, 3, 1, 2)


def last(tensor):
    """Maps and words with channels last."""
    return (tensor.movedim(1, -1) if tensor.ndim > 2 else tensor).numpy()
