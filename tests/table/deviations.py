# SPDX-License-Identifier: PostgreSQL
"""Where Teal answers otherwise than PostgreSQL, on purpose. Each was looked at.

Rows it applies to (a glob over "name (way)"), what of PostgreSQL's transcript (a regular expression), what Teal says in its
place, and why. Any number of them may apply to one row; a transcript that no choice of them gives is a difference.
"""

DEVIATIONS = [
    ("startup/version 65536 *", r"^closed$", "E:FATAL/0A000 closed", "protocols 1 and 2: an answer in the form of 3, SQLSTATE and all"),
    ("startup/version 131072 *", r"^closed$", "E:FATAL/0A000 closed", "protocols 1 and 2: an answer in the form of 3, SQLSTATE and all"),
    ("startup/version 3.[12] *", r"v:0: ", "", "Teal speaks up to 3.2, whatever the server speaks"),
    ("startup/version 3.[39]*", r"v:0: ", "v:2: ", "Teal speaks up to 3.2, whatever the server speaks"),
    ("startup/long user *", r"R0 ", "", "a user that nobody may be is refused before the authentication"),
    ("startup/unknown database *", r"R0 ", "", "the database is Teal's own to know; refused before the authentication"),
    ("startup/database of *", r"R0 ", "", "the database is Teal's own to know; refused before the authentication"),
    ("startup/user twice *", r"^R0 .*$", "E:FATAL/08P01 closed", "authentication and routing must never disagree about the user"),
    ("startup/options rubbish *", r"R0 E:FATAL/42601", "E:FATAL/0A000", "of options Teal takes -c and --name, and says so"),
    ("startup/options rubbish *", r"E:FATAL/42601", "E:FATAL/0A000", "of options Teal takes -c and --name, and says so"),
    ("startup/gss (plain)", r"^byte:G silent$", "byte:N R0 K Z:I Z:I N:WARNING/25P01 C:ROLLBACK open", "no GSSAPI"),
    ("startup/gss twice *", r"^byte:G .*$", "byte:N closed", "no GSSAPI; each request is taken once"),
    ("startup/gss then ssl *", r"^byte:G .*$", "byte:N byte:S closed", "no GSSAPI"),
    ("auth/inner length -1 *", r"R11 closed", "E:FATAL/08P01 closed", "no initial response: a mechanism that needs one is given none"),
    ("auth/length *", r"E:FATAL/28P01", "E:FATAL/08P01", "a length that cannot be is no wrong password"),
    ("md5/length *", r"^R5 closed$", "R5 E:FATAL/08P01 closed", "in the protocol a word of why is allowed before the close"),
    ("length/* of *", r"Z:I closed$", "Z:I E:FATAL/08P01 closed", "after a login a word of why is allowed before the close"),
    ("*/bad l*", r"(Z:[IT]) closed$", r"\1 E:FATAL/08P01 closed", "after a login a word of why is allowed before the close"),
    ("behind a query/bad type then EOF *", r"^R0 K Z:I .*$", "R0 K Z:I closed", "of one who has gone, what still waits for a server is not begun"),
    ("bad flush/in a copy (segment)", r"Z:T C:ROLLBACK .*$", "Z:T E:FATAL/08P01 closed",
     "sent before the COPY was known to be one, it is owed an error that does not come: any doubt ends the session"),
    ("copy/in with a Terminate inside *", r"(G:\S+ )?E:ERROR/08P01 E:FATAL/08P01 ", "", "who has said good-bye is told nothing more"),
    ("copy/in with a Terminate inside *", r"E:ERROR/08P01 E:FATAL/08P01 ", "", "who has said good-bye is told nothing more"),
    ("copy/in with a Terminate inside *", r"E:FATAL/08P01 ", "", "who has said good-bye is told nothing more, at the latest here"),
    ("matrix/COPY in*: X *", r"E:ERROR/08P01 E:FATAL/08P01 ", "", "who has said good-bye is told nothing more"),
    ("matrix/COPY in*: X *", r"E:FATAL/08P01 ", "", "who has said good-bye is told nothing more, at the latest here"),
    ("copy/in then EOF *", r"E:FATAL/08P01 ", "", "who has gone is told nothing more, at the latest here"),
    ("copy/in then EOF *", r"E:ERROR/08006 E:FATAL/08P01 ", "", "who has gone is told nothing more"),
    ("copy/in then EOF (segment)", r"G:\S+ E:ERROR/08006 E:FATAL/08P01 ", "", "who has gone is told nothing more"),
    ("copy/in with an unknown type inside *", r"E:ERROR/08P01 ", "", "an unknown type ends the session at once, in COPY as elsewhere"),
    ("copy/in with an unknown type inside (segment)", r"G:\S+ E:ERROR/08P01 ", "", "an unknown type ends the session at once, in COPY as elsewhere"),
    ("matrix/COPY in*", r"E:ERROR/08P01 E:FATAL/08P01 closed", "E:FATAL/08P01 closed",
     "an unknown type ends the session at once, in COPY as elsewhere"),
    ("matrix/COPY in: C *", r"E:ERROR/08P01 E:FATAL/08P01 closed", "E:ERROR/57014 Z:E 3 Z:E C:ROLLBACK open",
     "Teal knows the names and answers a Close itself, in its place behind the COPY"),
    ("matrix/COPY in by extended: C *", r"E:ERROR/08P01 E:FATAL/08P01 closed", "E:ERROR/57014 Z:E C:ROLLBACK open",
     "Teal knows the names and answers a Close itself, in its place behind the COPY, where the failed batch skips it"),
    ("names: a table that is dropped*", r"t: E:C=42P01", "E:C=42P01",
     "on a backend that has not prepared it yet the statement fails as it is prepared, before its Describe is answered"),
    ("matrix/before startup: startup *", r"R0 K Z:I closed", "R0 closed", "who has gone is told nothing more"),
]
