"""Lines of one figure each: ours, stock's, their ratio, and whether the ratio is what it shall be."""
from network import say

LABEL, WIDTH = 50, 12


class Target:
    """What a ratio shall be; `of` names it when it is not that to stock."""

    def __init__(self, most=None, least=None):
        self.most, self.least = most, least

    def is_met(self, ratio):
        return ratio <= self.most if self.least is None else ratio >= self.least

    def __str__(self):
        return f'at most {self.most:.2f}' if self.least is None else f'at least {self.least:.2f}'


class Report:
    """Prints tables and remembers which targets were met."""

    def __init__(self):
        self.judged = []

    def table(self, title, ours='mote', stock='stock tor'):
        self.title = title
        say(f'\n{title:{LABEL}}{ours:>{WIDTH}}{stock:>{WIDTH}}{"ratio":>8}')

    def line(self, label, ours, stock, digits=2, target=None):
        self.judge(label, ours / stock if stock else None, f'{ours:{WIDTH}.{digits}f}{stock:{WIDTH}.{digits}f}', target)

    def alone(self, label, figure, digits=2, ratio=None, target=None):
        """A figure that stock has none of; the ratio is to something else, which the label says."""
        self.judge(label, ratio, f'{figure:{WIDTH}.{digits}f}{"":{WIDTH}}', target)

    def exactly(self, label, ours, stock, wanted, digits=1):
        """A figure whose target is no ratio."""
        met = round(ours) == wanted
        self.judged.append((f'{self.title}: {label}', met))
        say(f'{label:{LABEL}}{ours:{WIDTH}.{digits}f}{stock:{WIDTH}.{digits}f}{ours / stock if stock else 0:8.2f}  {wanted} {"met" if met else "MISSED"}')

    def judge(self, label, ratio, figures, target):
        text = f'{ratio:8.2f}' if ratio is not None else ''
        if target and ratio is not None:
            met = target.is_met(ratio)
            self.judged.append((f'{self.title}: {label}', met))
            text += f'  {target} {"met" if met else "MISSED"}'
        say(f'{label:{LABEL}}{figures}{text}')

    def summary(self):
        if not self.judged:
            return
        say(f'\ntargets met: {sum(met for _, met in self.judged)} of {len(self.judged)}')
        for label, met in self.judged:
            if not met:
                say(f'    missed: {label}')
