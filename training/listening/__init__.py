"""Listening tests: people compare systems blind, and what they said is weighed.

    systems -> clips -> page (HTML) + KEY.json        python -m training.listening build
    RESULTS.json + KEY.json -> report, table, plot    python -m training.listening analyse

systems      where the sound comes from: folders of recordings, or models that play a folder of MIDI
loudness     how loud a clip is to a listener (ITU-R BS.1770)
clips        recordings made comparable: one rate, one loudness, one length for all systems, no names
page         the trials, the page that holds them (made of what is in web/) and the key to its blind names
submissions  what listeners sent back, checked against the key
inference    the statistics, one participant counting once
report       report.md, results.csv and plot.png
"""
