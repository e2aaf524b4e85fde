"""An experiment as it was before anybody thought of recruiting: it reports nothing and links nowhere."""

from otree.api import *


doc = 'One question and a last page. Nothing in it knows of oTree HR.'


class C(BaseConstants):
    NAME_IN_URL = 'plain_task'
    PLAYERS_PER_GROUP = None
    NUM_ROUNDS = 1


class Subsession(BaseSubsession):
    pass


class Group(BaseGroup):
    pass


class Player(BasePlayer):
    guess = models.IntegerField(min=1, max=6, label='Which number does the die show? 1 to 6')


class Guess(Page):
    form_model = 'player'
    form_fields = ['guess']

    @staticmethod
    def before_next_page(player: Player, timeout_happened):
        player.payoff = 4 if player.guess > 3 else 2


class Thanks(Page):
    pass


page_sequence = [Guess, Thanks]
