"""The four losses and the RoI accuracy of trained weights, on any images."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from shopee_od.datasets.dataset import Dataset
from shopee_od.detectors.model_garden.experiment import build_experiment
from shopee_od.detectors.model_garden.logs import suppress_logs
from shopee_od.detectors.model_garden.progress import TRAINING_METRICS
from shopee_od.detectors.model_garden.runs import RUN_FILE, profile_of, read_run
from shopee_od.detectors.model_garden.train import best_checkpoint
from shopee_od.detectors.model_garden.training_data import select_training_images
from shopee_od.detectors.model_garden.variables import has_variables, load_variables
from shopee_od.detectors.saving import read_info
from shopee_od.errors import InputError
from shopee_od.profiles import Profile, profile_from_dict


@dataclass(frozen=True)
class TrainedWeights:
    """A trained network's weights, and what it takes to build the network.

    Args:
        directory: of a run, whose best checkpoint counts, or of a saved detector, whose kernels are
            rounded to int8.
        dataset: the name of the one that it was trained on.
        profile: its sizes.
        classes: without background.
        canvas: height and width in pixels.
    """

    directory: Path
    dataset: str
    profile: Profile
    classes: tuple[str, ...]
    canvas: tuple[int, int]

    @classmethod
    def open(cls, directory: Path) -> TrainedWeights:
        """Raises InputError where the folder is neither a run's nor a saved Faster R-CNN's."""
        directory = Path(directory)
        if (directory / RUN_FILE).is_file():
            run = read_run(directory)
            classes, canvas = tuple(run["classes"]), tuple(run["canvas"])
            return cls(directory, run["dataset"], profile_of(run), classes, canvas)
        if not has_variables(str(directory)):
            raise InputError(f"{directory}: name the folder of a run, or of a saved Faster R-CNN")
        info = read_info(directory)
        profile = profile_from_dict(info.config)
        canvas = tuple(info.inference["canvases"][0])  # training's
        return cls(directory, info.metadata["dataset"], profile, info.classes, canvas)

    def load_into(self, model: Any) -> None:
        """Puts the weights into Model Garden's network."""
        from shopee_od.detectors.model_garden.model import restore_checkpoint

        if (self.directory / RUN_FILE).is_file():
            restore_checkpoint(model, best_checkpoint(self.directory))
        else:
            load_variables(model, self.directory)


def measure_losses(
    weights: TrainedWeights, dataset: Dataset, seed: int = 0, progress: bool = True
) -> dict[str, float]:
    """Measures the losses of trained weights as a validation does, on any split.

    1. Images are fitted to the training canvas; nothing is flipped, jittered or composed.
    2. Anchors and RoIs are sampled against the ground truth as in training, by `seed`.
    3. Batch norms use their moving statistics.
    4. All classes weigh 1 in the class loss, so that it does not depend on what the class weights
       of the training were computed from.

    Args:
        weights: whose classes are those of `dataset`.
        dataset: of its images, those that a training takes are measured on.
        seed: of the samples; it becomes TensorFlow's, NumPy's and Python's.
        progress: whether to show progress on stderr.
    Returns:
        rpn_score_loss: cross-entropy of 256 sampled anchors per image;
        rpn_box_loss: Huber loss, delta 1/9, over the deltas of positive anchors;
        frcnn_cls_loss: cross-entropy of the sampled RoIs;
        frcnn_box_loss: Huber loss, delta 1, over the scaled deltas of RoIs that hold a garment;
        roi_accuracy: the share of sampled RoIs that are classified correctly, background included.
        Each is the mean over batches of the profile's `batch_size`; the first images are repeated
        to fill the last batch.
    Raises:
        InputError: the classes differ, or no image can be read.
    Source: Ren et al., "Faster R-CNN", NeurIPS 2015, section 3.1.2; Girshick, "Fast R-CNN", ICCV
    2015, section 2.3.
    """
    import tensorflow as tf
    import tf_keras

    from shopee_od.datasets.tfrecord import convert
    from shopee_od.detectors.model_garden.task import FasterRCNNTask

    if dataset.classes != weights.classes:
        raise InputError(
            f"{weights.directory}: {dataset.name} has other classes than those that it was trained "
            f"on; measure its losses on {weights.dataset}"
        )
    images = select_training_images(dataset)
    profile = weights.profile.replace(precision="float32", weights="")
    tf_keras.utils.set_random_seed(seed)
    with tempfile.TemporaryDirectory() as folder, suppress_logs():
        records = convert(images, Path(folder), progress=progress)
        images = images.drop(records.left_out)
        params = build_experiment(
            profile, weights.classes, weights.canvas, val_records=records.pattern
        )
        task = FasterRCNNTask(params.task, profile, images, coarse_labels=images.coarse_labels)
        model = task.build_model()
        weights.load_into(model)
        means = task.build_metrics(training=False)

        @tf.function(autograph=False)
        def measure(inputs: Any) -> None:
            task.validation_step(inputs, model, means)

        batches = task.build_inputs(params.task.validation_data)
        num_batches = -(-len(images) // profile.batch_size)
        for inputs in tqdm(batches, "losses", num_batches, unit="batch", disable=not progress):
            measure(inputs)
    values = {mean.name: float(mean.result()) for mean in means}
    return {name: values[name] for name in TRAINING_METRICS}
