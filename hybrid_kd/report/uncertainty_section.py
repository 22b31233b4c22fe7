"""The section "Uncertainty" of a study's report: for networks that know how unsure they are of each logit."""

from collections.abc import Sequence

from hybrid_kd.report.document import Section, Table
from hybrid_kd.report.figures_uncertainty import Named, uncertainty_panels
from hybrid_kd.report.matching import teachers_of
from hybrid_kd.report.records import Study, SystemResult
from hybrid_kd.report.tables import number
from hybrid_kd.report.uncertainty_records import AgreementRecord, SigmaGroup, Uncertainty

MAX_DRAWN = 4
GROUP_HEAD = ["frames", "frames right %", "sigma", "of the reference", "root mean square"]


def uncertainty_section(study: Study) -> Section:
    """Teachers first, then by name. Empty if no network of the study has an uncertainty head."""
    measured = [(s, u) for s in study.systems if (u := uncertainty_of(s)) is not None]
    if not measured:
        return Section("Uncertainty")
    taught_by = {name for system in study.systems for name in teachers_of(system)}
    teachers = {s.system for s, _ in measured if taught_by & {s.system, *s.aliases}}
    measured.sort(key=lambda each: (each[0].system not in teachers, each[0].system))
    chosen = measured[: len(teachers)] or measured
    drawn = [(system.system, uncertainty) for system, uncertainty in chosen[:MAX_DRAWN]]
    tables = [uncertainty_table([(system.system, uncertainty) for system, uncertainty in measured])]
    tables += [agreement_table(study.agreements)] if study.agreements else []
    return Section(
        "Uncertainty",
        _words(measured[0], drawn, bool(teachers)),
        panels=uncertainty_panels(drawn),
        tables=tables,
        folded=[groups_table(name, uncertainty) for name, uncertainty in drawn],
    )


def uncertainty_of(system: SystemResult) -> Uncertainty | None:
    """What was measured of its head, if it has one."""
    return None if system.dev_posteriors is None else system.dev_posteriors.uncertainty


def _words(first: tuple[SystemResult, Uncertainty], drawn: Named, of_teachers: bool) -> list[str]:
    system, uncertainty = first
    assert system.dev_posteriors is not None
    names = " and ".join(name for name, _ in drawn)
    who = f"the teachers that have a head ({names})" if of_teachers else names
    return [
        f"Networks with an uncertainty head over {system.dev_posteriors.set_name},"
        f" {system.dev_posteriors.num_frames:,} frames; drawn: {who}. sigma is the standard deviation of a"
        " logit: the mean over pdfs, weighted by the network's posterior. By phone it is that of the"
        " reference's pdf, over the frames that the alignment gives to the phone.",
        "Calibration: softmax(f) is what decodes; p is the mean of the softmaxes of"
        f" {uncertainty.samples} noisy logits f + sigma eps, which the network was trained by. In brackets"
        " the expected calibration error, 15 bins; below 0 a network is too sure. Bins of fewer than 50"
        " frames are left out of the drawing.",
    ]


def uncertainty_table(measured: Named) -> Table:
    """A row a network: whether sigma tells right from wrong, and what the noise does to the posteriors."""
    head = ["network", "sigma", "sigma where right", "where wrong", "wrong has larger sigma %"]
    head += ["wrong has smaller posterior %", "calibration error", "calibration error of p"]
    head += ["cross-entropy", "cross-entropy of p"]
    rows = [[name, *_network_cells(uncertainty)] for name, uncertainty in measured]
    caption = (
        "Mean sigma over all frames, those that are right and those that are wrong. Of a wrong and a right"
        " frame drawn at random: how often the wrong one has the larger sigma, and how often the smaller"
        " largest posterior (50 %: it tells nothing). Expected calibration error and cross-entropy (nats a"
        " frame) of softmax(f) and of p."
    )
    return Table(head, rows, 1, caption)


def _network_cells(uncertainty: Uncertainty) -> list[str]:
    groups = uncertainty.all_frames, uncertainty.right, uncertainty.wrong
    chances = uncertainty.by_sigma, uncertainty.by_confidence
    calibrations = uncertainty.calibration, uncertainty.noisy_calibration
    return [
        *(number(group.sigma if group else None, ".3f") for group in groups),
        *(number(None if chance is None else 100 * chance, ".1f") for chance in chances),
        *(f"{calibration.calibration_error:.4f}" for calibration in calibrations),
        *(f"{calibration.cross_entropy:.4f}" for calibration in calibrations),
    ]


def agreement_table(agreements: Sequence[AgreementRecord]) -> Table:
    """A row a pair of teachers."""
    head = ["teachers", "same most likely pdf %", "distance of posteriors", "symmetric KL"]
    head += ["distance of sigma", "correlation of log posteriors", "correlation of sigma"]
    head += ["within pdfs: log posteriors", "within pdfs: sigma"]
    rows = [
        [
            f"{each.first}, {each.second}",
            f"{100 * each.same_best:.1f}",
            f"{each.posterior_distance:.3f}",
            f"{each.symmetric_kl:.3f}",
            f"{each.sigma_distance:.4f}",
            f"{each.log_posterior_correlation:.3f}",
            f"{each.sigma_correlation:.3f}",
            f"{each.log_posterior_correlation_within:.3f}",
            f"{each.sigma_correlation_within:.3f}",
        ]
        for each in agreements
    ]
    caption = (
        "Do two teachers agree? Means over the frames of the development set. Distance of posteriors: half"
        " the sum of absolute differences; of sigma: squared, between directions, as students learn it."
        " Correlations are over the pdfs of a frame; within pdfs: after each pdf's mean over all frames was"
        " taken away, so that only what changes from frame to frame counts."
    )
    return Table(head, rows, 1, caption)


def groups_table(name: str, uncertainty: Uncertainty) -> Table:
    """All groups of frames of one network."""
    kinds = {
        "environment": uncertainty.environments,
        "SNR": uncertainty.snr,
        "phone": uncertainty.phones,
        "pdf": uncertainty.least_sure_pdfs,
        "pdf, surest first": uncertainty.most_sure_pdfs,
    }
    rows = [[kind, *group_cells(group)] for kind, groups in kinds.items() for group in groups]
    caption = f"{name}: the least sure phones and pdfs first."
    return Table(["", "", *GROUP_HEAD], rows, 2, caption)


def group_cells(group: SigmaGroup) -> list[str]:
    """Name, frames, share of them that is right, and the three sigmas."""
    return [
        group.name,
        f"{group.num_frames:,}",
        f"{100 * group.frame_accuracy:.1f}",
        *(f"{sigma:.3f}" for sigma in (group.sigma, group.reference_sigma, group.rms_sigma)),
    ]
