"""Two people share a pot: a group, a wait page, and payoffs that depend on both."""

from otree.api import *


doc = 'Two people put points into a pot that doubles and is split evenly.'


class C(BaseConstants):
    NAME_IN_URL = 'pair_task'
    PLAYERS_PER_GROUP = 2
    NUM_ROUNDS = 1
    ENDOWMENT = 10
    FACTOR = 2


class Subsession(BaseSubsession):
    pass


class Group(BaseGroup):
    pot = models.IntegerField(initial=0)


class Player(BasePlayer):
    given = models.IntegerField(
        min=0, max=C.ENDOWMENT, label='You have 10 points. How many do you put into the pot?'
    )


def split_the_pot(group: Group):
    players = group.get_players()
    group.pot = C.FACTOR * sum(player.given for player in players)
    for player in players:
        player.payoff = C.ENDOWMENT - player.given + group.pot / len(players)
        player.participant.finished = True


class Give(Page):
    form_model = 'player'
    form_fields = ['given']


class WaitForPartner(WaitPage):
    title_text = 'Waiting for the other person'
    body_text = 'The other person is still deciding. This page moves on by itself.'
    after_all_players_arrive = split_the_pot


class Results(Page):
    @staticmethod
    def vars_for_template(player: Player):
        participant = player.participant
        return dict(
            way_out=participant.vars.get('exit_url') or player.session.config.get('exit_url') or '',
            bonus=player.payoff.to_real_world_currency(player.session),
        )


page_sequence = [Give, WaitForPartner, Results]
