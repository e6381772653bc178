# SPDX-License-Identifier: PostgreSQL
"""How clients prove who they are: each auth_type with each form of a stored secret, and answers that are none."""
import base64
import hashlib
import hmac
import os
import struct

import pgwire
from case import PairCase

SECRET = "the secret"


def verifier(password):
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 4096)
    client, server = (hmac.digest(salted, what, "sha256") for what in (b"Client Key", b"Server Key"))
    return "SCRAM-SHA-256$4096:%s$%s:%s" % tuple(
        base64.b64encode(part).decode() for part in (salt, hashlib.sha256(client).digest(), server))


FORMS = {
    "u_plain": SECRET,
    "u_md5": "md5" + hashlib.md5((SECRET + "u_md5").encode()).hexdigest(),
    "u_scram": verifier(SECRET),
    "u_none": "",
}
USERS = '"app" "app-secret"\n' + "".join('"%s" "%s"\n' % form for form in FORMS.items())

# What is asked (AuthenticationXxx), and whether the right password logs in.
ASKED_MD5 = {"u_plain": (5, True), "u_md5": (5, True), "u_scram": (10, True), "u_none": (10, False), "u_nobody": (10, False)}
ASKED_SCRAM = {"u_plain": (10, True), "u_md5": (10, False), "u_scram": (10, True), "u_none": (10, False),
               "u_nobody": (10, False)}


class AuthCase(PairCase):
    schema = None
    asked = {}

    @classmethod
    def make_teal(cls):
        with cls.pair.blue.connect() as c:
            for name in FORMS:
                c.query('CREATE ROLE %s LOGIN' % name)
        cls.teal_settings = dict(cls.teal_settings, users=USERS)
        return super().make_teal()

    def challenge(self, user):
        """The code and the data of what a client of that name is asked."""
        c = self.raw(user=user)
        c.send(pgwire.startup({"user": user, "database": "app"}))
        kind, body = c.next()
        self.assertEqual(kind, "R", body)
        return c, struct.unpack_from("!i", body)[0], body[4:]

    def check_matrix(self):
        for user, (code, works) in self.asked.items():
            with self.subTest(user=user):
                self.assertEqual(self.challenge(user)[1], code)
                if works:
                    with self.connect(user=user, password=SECRET) as c:
                        self.assertEqual(c.value("SELECT session_user"), user)
                else:
                    with self.refused("28P01", "FATAL"):
                        self.connect(user=user, password=SECRET)
                for wrong in ("", "other", SECRET + "x", FORMS.get(user) or "x"):
                    if works and wrong == SECRET:
                        continue
                    with self.refused("28P01", "FATAL"):
                        self.connect(user=user, password=wrong)
        self.assert_serving()


class ScramTest(AuthCase):
    teal_settings = {"auth_type": "scram-sha-256"}
    asked = ASKED_SCRAM

    def assert_serving(self):
        with self.connect(password="app-secret") as c:
            self.assertEqual(c.value("SELECT 1"), "1")

    def test_matrix(self):
        self.check_matrix()

    def test_unknown_and_known_are_refused_with_the_same_words(self):
        texts = set()
        for user in ("u_plain", "u_nobody"):
            with self.refused("28P01") as caught:
                self.connect(user=user, password="wrong")
            texts.add(caught.exception.message.replace(user, "USER"))
        self.assertEqual(len(texts), 1)


class Md5Test(ScramTest):
    teal_settings = {"auth_type": "md5"}
    asked = ASKED_MD5

    def test_the_stored_form_is_no_password(self):
        c, code, salt = self.challenge("u_md5")
        self.assertEqual(code, 5)
        c.send(pgwire.message("p", pgwire.cstr(FORMS["u_md5"])))
        self.assertEqual(self.errors_of(c.drain()), ["28P01"])

    def test_an_answer_serves_one_salt(self):
        c, _, salt = self.challenge("u_md5")
        answer = "md5" + hashlib.md5(FORMS["u_md5"][3:].encode() + salt).hexdigest()
        other, _, other_salt = self.challenge("u_md5")
        self.assertNotEqual(salt, other_salt)
        other.send(pgwire.message("p", pgwire.cstr(answer)))
        self.assertEqual(self.errors_of(other.drain()), ["28P01"])
        c.send(pgwire.message("p", pgwire.cstr(answer)))
        self.assertIn("Z", self.kinds_of(c.until_ready()))

    def test_answers_that_are_none(self):
        for bytes_sent, expected in ((pgwire.message("p"), "08P01"), (pgwire.message("p", b"md5"), "08P01"),
                                     (pgwire.message("p", b"\0"), "28P01"), (pgwire.message("p", b"md5\0x\0"), "08P01"),
                                     (pgwire.query("SELECT 1"), "08P01"), (pgwire.terminate(), "08P01"),
                                     (b"p" + struct.pack("!i", 70000), "08P01"), (b"p" + struct.pack("!i", 3), "08P01")):
            with self.subTest(bytes_sent=bytes_sent):
                c, _, _ = self.challenge("u_plain")
                c.send(bytes_sent)
                self.assertEqual(self.errors_of(c.drain()), [expected])

    def test_a_second_answer_after_login_is_refused(self):
        c = self.connect(user="u_plain", password=SECRET)
        c.send(pgwire.message("p", pgwire.cstr("md5")))
        self.assertEqual(self.errors_of(c.drain()), ["08P01"])
