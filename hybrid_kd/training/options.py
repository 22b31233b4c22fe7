"""Options of ``hybrid-kd train``; this module imports nothing heavy, so that --help answers at once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hybrid_kd.errors import HybridKdError
from hybrid_kd.option_ranges import NUM_THREADS, check_ranges, flag_of


@dataclass(frozen=True)
class TrainOptions:
    """Train a network on reference alignments, alone or mixed with a teacher's labels.

    The same command on an existing --out continues an unfinished training and does nothing on a finished one.
    """

    train_data: Path
    """Kaldi data directory with the training features (feats.scp, utt2spk, spk2utt)"""
    train_ali: Path
    """alignment directory of the training data (ali.*.gz, final.mdl)"""
    dev_data: Path
    """data directory that drives the learning rate (never trained on)"""
    dev_ali: Path
    """its alignment directory, made with the same final.mdl"""
    out: Path
    """directory of the model"""
    config: Path | None = None
    """YAML file of options; flags win over it"""
    init: Path | None = None
    """retrain this model (directory), which fixes the shape"""
    teacher_labels: tuple[Path, ...] = ()
    """label store that `hybrid-kd label` wrote for the training data, or for the same speech enhanced; one
    for each of several teachers over the same pdfs"""
    teacher: tuple[Path, ...] = ()
    """model directory of a teacher (or of several) to run on the fly instead"""
    teacher_weights: tuple[float, ...] = ()
    """weights of several teachers, which sum to 1 (default: equal ones)"""
    teacher_data: tuple[Path, ...] = ()
    """with --teacher: data directory of the view that it sees instead of the training data; one for all
    teachers or one for each"""
    utt_map: tuple[Path, ...] = ()
    """lines '<training utt_id> <label utt_id>', where the ids of that view are others; one for all teachers
    or one for each, where - stands for the same ids"""
    mixing: Literal["si", "sd"] = "si"
    """si interpolates the labels of every frame; sd draws reference or teacher for each utterance"""
    hard_weight: float = 0.5
    """weight (si) or probability (sd) of the reference labels; 1 is no distillation (needs a teacher)"""
    soft_weight: float | None = None
    """weight of the teacher's labels (default: 1 - hard weight)"""
    sd_draw: Literal["epoch", "once"] = "epoch"
    """draw anew each epoch, or once for the whole training"""
    temperatures: str = "1"
    """teacher's temperatures: T, or T:epochs,...,T (3:2,2:2,1 anneals)"""
    teacher_temperatures: tuple[str, ...] = ()
    """the same for each of several teachers, in place of --temperatures"""
    prune_below: float = 0.01
    """teacher's posteriors below this become 0 (the largest stays), the others are renormalised"""
    teacher_prune_below: tuple[float, ...] = ()
    """the same for each of several teachers, in place of --prune-below"""
    label_smoothing: float = 0.0
    """share of the reference labels that is spread evenly over all pdfs"""
    uncertainty: bool = False
    """learn a variance of each logit beside it: posteriors are means over noisy logits (in training only)"""
    uncertainty_activation: Literal["softplus", "relu"] = "softplus"
    """what makes the variance of its projection"""
    uncertainty_samples: int = 8
    """noisy logits of each frame"""
    uncertainty_weight: float = 0.0
    """weight of the distance of the student's noise from the teacher's (which needs --uncertainty too)"""
    uncertainty_noise: Literal["sigma", "sigma-eps"] = "sigma"
    """what is compared: standard deviations, or these times one draw that both share"""
    seed: int = 0
    """seed of all that is random"""
    order_seed: int | None = None
    """seed of the order of frames alone (default: --seed); students that train together share it"""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto is cuda where there is one"""
    num_threads: int = 0
    """CPU threads; 0 leaves it to torch"""
    matmul_precision: Literal["highest", "high", "medium"] = "highest"
    """torch's float32 matmul precision: high is TF32 on a GPU, medium bfloat16 products on a CPU with AMX"""
    cuda_graph: bool = False
    """launch each step on a GPU as a whole: small networks' kernels are sooner done than launched"""
    hidden_layers: int = 4
    """number of hidden layers"""
    hidden_dim: int = 512
    """units of each"""
    activation: Literal["sigmoid", "relu"] = "sigmoid"
    """nonlinearity of hidden units"""
    batch_norm: bool = False
    """batch normalisation before each nonlinearity"""
    dropout: float = 0.0
    """probability that a hidden unit is zero in a step"""
    pretrain: Literal["none", "rbm"] = "none"
    """where a sigmoid network starts from: random weights, or a stack of RBMs (CD-1)"""
    rbm_iter: int = 3
    """epochs of each RBM, twice as many of the first"""
    rbm_learn_rate: float = 0.4
    """RBM's rate a minibatch of 100 (its gradients are means)"""
    rbm_gaussian_learn_rate: float = 0.01
    """the same of the first RBM, whose visible units are Gaussian"""
    left_context: int = 5
    """frames spliced before each frame"""
    right_context: int = 5
    """frames spliced after each frame"""
    learning_rate: float = 0.008
    """initial rate a frame (gradients are summed over a minibatch, as in Kaldi)"""
    minibatch_size: int = 256
    """frames of a step"""
    randomizer_size: int = 0
    """frames are shuffled in windows of so many, as in Kaldi's nnet1 (32768); 0 shuffles an epoch"""
    momentum: float = 0.0
    """momentum of the gradient descent"""
    l2_penalty: float = 0.0
    """L2 penalty of weights and biases, a step"""
    max_iters: int = 20
    """most epochs of the last (untimed) temperature stage"""
    min_iters: int = 0
    """epochs of that stage which are accepted whatever their dev loss"""
    average: int = 1
    """the network is the mean of so many accepted epochs, those of best dev frame accuracy; 1: the last"""
    start_halving_impr: float = 0.01
    """relative improvement of the dev loss under which the rate starts to be halved"""
    end_halving_impr: float = 0.001
    """relative improvement under which training ends, once halving"""
    halving_factor: float = 0.5
    """what the rate is multiplied by"""
    frame_tolerance: int = 0
    """frames by which alignment or teacher labels may differ from the features (the longer is cut)"""


ANY_SEED = (-(2**63), 2**63)
HARDWARE = frozenset({"device", "cuda_graph", "num_threads"})  # where it is computed, not what
NETWORK_SHAPE = frozenset(
    {
        *("hidden_layers", "hidden_dim", "activation", "batch_norm", "dropout"),
        *("left_context", "right_context"),
    }
)
RANGES = {
    "teacher_weights": (0.0, 1.0),
    "hard_weight": (0.0, 1.0),
    "prune_below": (0.0, 1.0),
    "teacher_prune_below": (0.0, 1.0),
    "soft_weight": (0.0, 1e3),
    "label_smoothing": (0.0, 0.99),
    "uncertainty_samples": (1, 1000),
    "uncertainty_weight": (0.0, 1e3),
    "seed": ANY_SEED,
    "order_seed": ANY_SEED,
    "num_threads": NUM_THREADS,
    "average": (1, 1000),
    "dropout": (0.0, 0.99),
    "momentum": (0.0, 0.999),
    "l2_penalty": (0.0, 1.0),
    "learning_rate": (1e-12, 1e3),
    "start_halving_impr": (-1e3, 1e3),
    "end_halving_impr": (-1e3, 1e3),
    "halving_factor": (0.0, 1.0),
    "hidden_layers": (1, 1000),
    "hidden_dim": (1, 10**6),
    "minibatch_size": (1, 10**7),
    "randomizer_size": (0, 10**9),
    "left_context": (0, 1000),
    "right_context": (0, 1000),
    "max_iters": (1, 10**6),
    "min_iters": (0, 10**6),
    "rbm_iter": (1, 10**6),
    "rbm_learn_rate": (1e-12, 1e3),
    "rbm_gaussian_learn_rate": (1e-12, 1e3),
    "frame_tolerance": (0, 1000),
}
PER_TEACHER = ("teacher_weights", "teacher_temperatures", "teacher_prune_below")


def order_seed(options: TrainOptions) -> int:
    """The seed of the order of frames."""
    return options.seed if options.order_seed is None else options.order_seed


def check_options(options: TrainOptions) -> None:
    """Raises: HybridKdError for a value out of its range, or options that contradict each other."""
    check_ranges(options, RANGES)
    _check_teachers(options)
    _check_losses(options)
    if options.batch_norm and options.minibatch_size == 1:
        raise HybridKdError.at(
            "--batch-norm and --minibatch-size 1",
            "a single frame has no variance to normalise by",
            fix="give a larger --minibatch-size, such as 256, or leave --batch-norm out",
        )
    if options.pretrain == "rbm" and (options.activation != "sigmoid" or options.batch_norm):
        raise HybridKdError.at(
            "--pretrain rbm",
            "an RBM can only become a sigmoid layer without batch normalisation",
            fix="give --activation sigmoid without --batch-norm, or --pretrain none",
        )
    if options.pretrain == "rbm" and options.init is not None:
        raise HybridKdError.at(
            "--pretrain rbm and --init",
            "both were given",
            fix="pretrain a new network, or retrain the old one",
        )


def teacher_temperatures(options: TrainOptions) -> tuple[str, ...]:
    """The schedule of each teacher."""
    return options.teacher_temperatures or (options.temperatures,) * num_teachers(options)


def num_teachers(options: TrainOptions) -> int:
    """How many teachers are asked for."""
    return len(options.teacher) + len(options.teacher_labels)


def _check_teachers(options: TrainOptions) -> None:
    if options.teacher and options.teacher_labels:
        raise HybridKdError.at(
            "--teacher and --teacher-labels", "both were given", fix="give label stores or models"
        )
    if options.teacher_data and not options.teacher:
        raise HybridKdError.at(
            "--teacher-data", "there is no teacher to see it", fix="give --teacher, or --teacher-labels of it"
        )
    if options.utt_map and not options.teacher_labels and not options.teacher_data:
        raise HybridKdError.at(
            "--utt-map",
            "there are no labels or features of another view",
            fix="give --teacher-labels, or --teacher and --teacher-data",
        )
    for name in (*PER_TEACHER, "teacher_data", "utt_map"):
        given, flag = len(getattr(options, name)), flag_of(name)
        for_all = name not in PER_TEACHER and given == 1
        if given and not for_all and given != num_teachers(options):
            problem = f"{given} values for {num_teachers(options)} teachers"
            raise HybridKdError.at(flag, problem, fix="give one for each, in the order of the teachers")
    weights = options.teacher_weights
    if weights and abs(sum(weights) - 1) > 1e-6:
        raise HybridKdError.at(
            "--teacher-weights",
            f"{' '.join(f'{weight:g}' for weight in weights)} do not sum to 1",
            fix="give shares of the teachers, such as 0.7 0.3",
        )


def _check_losses(options: TrainOptions) -> None:
    if options.soft_weight is not None and options.mixing == "sd":
        raise HybridKdError.at(
            "--soft-weight and --mixing sd",
            "an utterance of SD has either the reference or the teacher's labels, each with weight 1",
            fix="give --mixing si, or leave --soft-weight out",
        )
    if num_teachers(options) and options.hard_weight == options.soft_weight == 0:
        raise HybridKdError.at(
            "--hard-weight 0 and --soft-weight 0",
            "no label has a weight, so that the network would stay untrained",
            fix="give one of them a weight above 0",
        )
    if options.uncertainty_weight and not options.uncertainty:
        raise HybridKdError.at(
            "--uncertainty-weight", "the student has no uncertainty", fix="give --uncertainty too"
        )
    if not num_teachers(options) and (options.uncertainty_weight or options.soft_weight):
        flag = "--uncertainty-weight" if options.uncertainty_weight else "--soft-weight"
        raise HybridKdError.at(flag, "there is no teacher", fix="give --teacher-labels or --teacher")
