"""A small oTree project: what `./dev demo` publishes and what the tests play.

It runs unchanged on oTree 5.11 and 6.0. With DEMO_UNADAPTED=1 it is the site of a researcher who has never
heard of oTree HR: no participant fields, and only the experiment that reports nothing.
"""

from os import environ

UNADAPTED = environ.get('DEMO_UNADAPTED') == '1'

SESSION_CONFIG_DEFAULTS = dict(
    real_world_currency_per_point=0.05,
    participation_fee=0.50,
    doc='',
    # Where the last page leads to when the participant has no exit_url of their own.
    exit_url='',
    # True puts a next button on the last page, which leads to "No more pages left".
    button_on_last_page=False,
)

MTURK_HIT_SETTINGS = dict(
    title='A short decision study',
    description='Pick a number, choose between two rewards, answer three questions. About two minutes.',
    keywords='decision, choice, research study, bonus',
    frame_height=700,
    template='global/mturk_template.html',
    minutes_allotted_per_assignment=30,
    expiration_hours=48,
    qualification_requirements=[],
)

PLAIN = dict(
    name='plain',
    display_name='Plain: reports nothing',
    app_sequence=['plain_task'],
    num_demo_participants=1,
)

ADAPTED = [
    dict(
        name='solo',
        display_name='Solo: a number and a choice',
        app_sequence=['number_task'],
        num_demo_participants=3,
        mturk_hit_settings=MTURK_HIT_SETTINGS,
    ),
    dict(
        name='solo_button',
        display_name='Solo, with a button on the last page',
        app_sequence=['number_task'],
        num_demo_participants=3,
        button_on_last_page=True,
    ),
    dict(
        name='pair',
        display_name='Pair: share a pot',
        app_sequence=['pair_task'],
        num_demo_participants=2,
        participation_fee=0.75,
    ),
]

SESSION_CONFIGS = [PLAIN] if UNADAPTED else [*ADAPTED, PLAIN]
PARTICIPANT_FIELDS = [] if UNADAPTED else ['finished', 'exit_url']
SESSION_FIELDS = [] if UNADAPTED else ['prolific_completion_url']

ROOMS = [dict(name='lab', display_name='The lab')]

LANGUAGE_CODE = 'en'
REAL_WORLD_CURRENCY_CODE = 'USD'
USE_POINTS = True

ADMIN_USERNAME = 'admin'
ADMIN_PASSWORD = environ.get('OTREE_ADMIN_PASSWORD')
# Signs the cookies of a demo that listens on this machine only.
SECRET_KEY = environ.get('OTREE_SECRET_KEY', 'demo')

DEMO_PAGE_INTRO_HTML = 'The experiments that oTree HR is shown and tested with.'
