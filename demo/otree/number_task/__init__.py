"""A number, a choice and three questions; the payoff follows from the answers alone."""

from otree.api import *


doc = 'Pick a number, choose a reward rule, answer three questions. Shows how an experiment reports its end.'


class C(BaseConstants):
    NAME_IN_URL = 'number_task'
    PLAYERS_PER_GROUP = None
    NUM_ROUNDS = 1
    HIGHEST = 10
    SAFE_POINTS = 3
    RISKY_POINTS = 8


class Subsession(BaseSubsession):
    pass


class Group(BaseGroup):
    pass


class Player(BasePlayer):
    number = models.IntegerField(
        min=0, max=C.HIGHEST, label='Pick a whole number from 0 to 10. Each unit is worth one point.'
    )
    rule = models.StringField(
        choices=[
            ['safe', 'Safe: 3 points more, whatever the number'],
            ['risky', 'Risky: 8 points more if the number is even, otherwise nothing'],
        ],
        widget=widgets.RadioSelect,
        label='Which rule shall add to your number?',
    )
    age = models.IntegerField(min=18, max=120, label='How old are you?')
    clear = models.IntegerField(
        choices=[[1, 'Not at all'], [2, 'Somewhat'], [3, 'Fully']],
        widget=widgets.RadioSelectHorizontal,
        label='Was it clear how your bonus is computed?',
    )
    reason = models.LongStringField(label='Why did you choose this rule?', max_length=500)


def points(player: Player):
    if player.rule == 'safe':
        return player.number + C.SAFE_POINTS
    return player.number + (C.RISKY_POINTS if player.number % 2 == 0 else 0)


def way_out(player: Player):
    """Where to go from the last page: what the recruiter set for this person, this session or this config."""
    return (
        player.participant.vars.get('exit_url')
        or player.session.vars.get('prolific_completion_url')
        or player.session.config.get('exit_url')
        or ''
    )


class Decide(Page):
    form_model = 'player'
    form_fields = ['number', 'rule']


class Questions(Page):
    form_model = 'player'
    form_fields = ['age', 'clear', 'reason']

    @staticmethod
    def before_next_page(player: Player, timeout_happened):
        player.payoff = points(player)
        # The line by which an experiment tells oTree HR that this person is done.
        player.participant.finished = True


class Results(Page):
    @staticmethod
    def vars_for_template(player: Player):
        return dict(
            way_out=way_out(player),
            bonus=player.payoff.to_real_world_currency(player.session),
            button=player.session.config['button_on_last_page'],
        )


page_sequence = [Decide, Questions, Results]
