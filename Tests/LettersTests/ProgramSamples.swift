/// One letter as mail programs write it, shaped after what each of them sends; no bytes of anybody's letters.
enum ProgramSamples {
    static let all: [(key: String, value: String)] = [
        ("Thunderbird", """
            Message-ID: <5f0e2b1c-1a2b-4c3d-9e8f-001122334455@example.org>
            Date: Sat, 30 Jan 2027 18:12:44 +0100
            MIME-Version: 1.0
            User-Agent: Mozilla Thunderbird
            Content-Language: de-DE
            From: Ann Bee <ann@example.org>
            To: Bob <bob@example.net>
            Cc: "C. D." <cd@example.com>
            Subject: =?UTF-8?Q?Cranes_=E2=80=93_at_last?=
            Autocrypt: addr=ann@example.org; keydata=xsDNBF
            Content-Type: text/plain; charset=UTF-8; format=flowed
            Content-Transfer-Encoding: 8bit
            
            Dear Bob,
            
            the cranes have come back to the lake this week, earlier than anybody\u{20}
            here can remember, and I counted two hundred of them yesterday evening.
            
            Grüße
            Ann
            
            """),
        ("mutt", """
            Date: Sat, 30 Jan 2027 18:12:44 +0100
            From: Ann Bee <ann@example.org>
            To: Bob <bob@example.net>
            Cc: "C. D." <cd@example.com>
            Subject: Cranes =?utf-8?B?4oCT?= at last
            Message-ID: <Zb12AbCdEf@laptop>
            Organization: The Lake
            MIME-Version: 1.0
            Content-Type: text/plain; charset=utf-8
            Content-Disposition: inline
            Content-Transfer-Encoding: quoted-printable
            
            Dear Bob,
            
            the cranes have come back to the lake this week, earlier than anybody here =
            can remember, and I counted two hundred of them yesterday evening.
            
            Gr=C3=BC=C3=9Fe
            Ann
            
            """),
        ("swaks", """
            Date: Sat, 30 Jan 2027 18:12:44 +0100
            To: "Bob" <bob@example.net>
            From: "Ann Bee" <ann@example.org>
            Cc: =?us-ascii?Q?C=2E_D=2E?= <cd@Example.com>
            Subject: Cranes – at last
            Message-Id: <20270130181244.012345@laptop>
            X-Mailer: swaks v20201014.0 jetmore.org/john/code/swaks/
            
            Dear Bob,
            
            the cranes have come back to the lake this week, earlier than anybody here can remember, and I counted two hundred of them yesterday evening.
            
            Grüße
            Ann
            
            
            
            """),
        ("Apple Mail", """
            From: Ann Bee <ann@example.org>
            Content-Type: multipart/alternative;
            \tboundary="Apple-Mail=_1A2B3C4D-0000-1111-2222-333344445555"
            Mime-Version: 1.0 (Mac OS X Mail 16.0 \\(3774.400.31\\))
            Subject: =?utf-8?Q?Cranes_=E2=80=93_at_?=
             =?utf-8?Q?last?=
            Message-Id: <1A2B3C4D-5E6F-7081-92A3-B4C5D6E7F809@example.org>
            Date: Sat, 30 Jan 2027 18:12:44 +0100
            Cc: "C. D." <cd@example.com>
            To: Bob <bob@example.net>
            X-Mailer: Apple Mail (2.3774.400.31)
            
            
            --Apple-Mail=_1A2B3C4D-0000-1111-2222-333344445555
            Content-Transfer-Encoding: quoted-printable
            Content-Type: text/plain;
            \tcharset=utf-8
            
            Dear Bob,
            
            the cranes have come back to the lake this week, earlier than anybody here =
            can remember, and I counted two hundred of them yesterday evening.
            
            Gr=C3=BC=C3=9Fe
            Ann
            
            --Apple-Mail=_1A2B3C4D-0000-1111-2222-333344445555
            Content-Transfer-Encoding: quoted-printable
            Content-Type: text/html;
            \tcharset=utf-8
            
            <html xmlns:o=3D"urn:schemas-microsoft-com:office:office"><body><p class=3D=
            "MsoNormal">Dear Bob,</p><p>the cranes have come back to the lake this week=
            , earlier than anybody here can remember, and I counted two hundred of them=
             yesterday evening.</p></body></html>
            
            --Apple-Mail=_1A2B3C4D-0000-1111-2222-333344445555--
            
            """),
        ("Outlook", """
            From: "Ann Bee" <ann@example.org>
            To: "Bob" <bob@example.net>
            CC: "C. D." <cd@example.com>
            Subject: =?Windows-1252?Q?Cranes_=96_at_last?=
            Thread-Topic: =?Windows-1252?Q?Cranes_=96_at_last?=
            Thread-Index: AQHaU2k1b3d9abcdef==
            Date: Sat, 30 Jan 2027 17:12:44 +0000
            Message-ID: <AM0PR01MB1234ABCDEF@AM0PR01MB1234.eurprd01.prod.outlook.example>
            Accept-Language: de-DE, en-US
            X-MS-Has-Attach:
            x-originating-ip: [192.0.2.1]
            Content-Type: multipart/alternative;
            \tboundary="_000_AM0PR01MB1234ABCDEF_"
            MIME-Version: 1.0
            
            --_000_AM0PR01MB1234ABCDEF_
            Content-Type: text/plain; charset="Windows-1252"
            Content-Transfer-Encoding: quoted-printable
            
            Dear Bob,
            
            the cranes have come back to the lake this week, earlier than anybody here =
            can remember, and I counted two hundred of them yesterday evening.
            
            Gr=FC=DFe
            Ann
            
            --_000_AM0PR01MB1234ABCDEF_
            Content-Type: text/html; charset="Windows-1252"
            Content-Transfer-Encoding: quoted-printable
            
            <html xmlns:o=3D"urn:schemas-microsoft-com:office:office"><body><p class=3D=
            "MsoNormal">Dear Bob,</p><p>the cranes have come back to the lake this week=
            , earlier than anybody here can remember, and I counted two hundred of them=
             yesterday evening.</p></body></html>
            
            --_000_AM0PR01MB1234ABCDEF_--
            
            """),
        ("Python", """
            Content-Type: text/plain; charset="utf-8"
            Content-Transfer-Encoding: base64
            MIME-Version: 1.0
            From: Ann Bee <ann@example.org>
            To: Bob <bob@example.net>
            Cc: "C. D." <cd@example.com>
            Subject: =?utf-8?q?Cranes_=E2=80=93_at_last?=
            
            RGVhciBCb2IsCgp0aGUgY3JhbmVzIGhhdmUgY29tZSBiYWNrIHRvIHRoZSBsYWtlIHRoaXMgd2Vl
            aywgZWFybGllciB0aGFuIGFueWJvZHkgaGVyZSBjYW4gcmVtZW1iZXIsIGFuZCBJIGNvdW50ZWQg
            dHdvIGh1bmRyZWQgb2YgdGhlbSB5ZXN0ZXJkYXkgZXZlbmluZy4KCkdyw7zDn2UKQW5uCg==
            
            """),
        ("K-9", """
            Date: Sat, 30 Jan 2027 18:12:44 +0100
            From: Ann Bee <ann@example.org>
            To: Bob <bob@example.net>
            CC: "C. D." <cd@example.com>
            Subject: =?UTF-8?Q?Cranes_=E2=80=93_at_last?=
            User-Agent: K-9 Mail for Android
            Message-ID: <7D1A2B3C@example.org>
            MIME-Version: 1.0
            Content-Type: multipart/mixed; boundary="----QWERTY"
            Content-Transfer-Encoding: 7bit
            
            ------QWERTY
            Content-Type: multipart/alternative; boundary="----ASDF"
            
            ------ASDF
            Content-Type: text/plain;
             charset=utf-8
            Content-Transfer-Encoding: quoted-printable
            
            Dear Bob,
            
            the cranes have come back to the lake this week, earlier than anybody here =
            can remember, and I counted two hundred of them yesterday evening.
            
            Gr=C3=BC=C3=9Fe
            Ann  =20
            ------ASDF
            Content-Type: text/html;
             charset=utf-8
            
            <!DOCTYPE html><p>hi</p>
            ------ASDF--
            ------QWERTY--
            
            """),
    ]

    static let withFile: [(key: String, value: String)] = [
        ("Thunderbird", """
            From: ann@example.org
            To: bob@example.net
            Subject: a file
            MIME-Version: 1.0
            User-Agent: Mozilla Thunderbird
            Content-Type: multipart/mixed;
             boundary="------------0wQ9"
            
            preamble
            --------------0wQ9
            Content-Type: text/plain; charset=UTF-8; format=flowed
            Content-Transfer-Encoding: 7bit
            
            Here it is.
            
            --------------0wQ9
            Content-Type: application/pdf; name="Secret plan.pdf"
            Content-Disposition: attachment; filename="Secret plan.pdf"
            Content-Transfer-Encoding: base64
            
            AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4
            OTo7PD0+P0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3Bx
            cnN0dXZ3eHl6e3x9fn+AgYKDhIWGh4iJiouMjY6PkJGSk5SVlpeYmZqbnJ2en6ChoqOkpaanqKmq
            q6ytrq+wsbKztLW2t7i5uru8vb6/wMHCw8TFxsc=
            
            --------------0wQ9--
            
            """),
        ("mutt", """
            From: ann@example.org
            To: bob@example.net
            Subject: a file
            MIME-Version: 1.0
            Content-Type: multipart/mixed;
             boundary="nextPart"
            
            preamble
            --nextPart
            Content-Type: text/plain; charset=us-ascii
            Content-Disposition: inline
            
            Here it is.
            
            --nextPart
            Content-Type: application/pdf
            Content-Disposition: attachment; filename*=utf-8''Secret%20plan.pdf
            Content-Transfer-Encoding: base64
            
            AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn+AgYKDhIWGh4iJiouMjY6PkJGSk5SVlpeYmZqbnJ2en6ChoqOkpaanqKmqq6ytrq+wsbKztLW2t7i5uru8vb6/wMHCw8TFxsc
            
            --nextPart--
            
            """),
        ("Apple Mail", """
            From: ann@example.org
            To: bob@example.net
            Subject: a file
            X-Mailer: Apple Mail
            Content-Type: multipart/alternative; boundary=A
            
            --A
            Content-Type: text/plain; charset=us-ascii
            
            Here it is.
            
            --A
            Content-Type: multipart/mixed; boundary=B
            
            --B
            Content-Type: text/html; charset=us-ascii
            
            <html>Here it is.</html>
            --B
            Content-Disposition: inline; filename*0="Secret"; filename*1=" plan.pdf"
            Content-Type: application/pdf; x-unix-mode=0644; name="Secret plan.pdf"
            Content-Transfer-Encoding: base64
            
            AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4
            OTo7PD0+P0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3Bx
            cnN0dXZ3eHl6e3x9fn+AgYKDhIWGh4iJiouMjY6PkJGSk5SVlpeYmZqbnJ2en6ChoqOkpaanqKmq
            q6ytrq+wsbKztLW2t7i5uru8vb6/wMHCw8TFxsc=
            
            --B
            Content-Type: text/html
            
            <br>
            --B--
            --A--
            
            """),
        ("Outlook", """
            From: ann@example.org
            To: bob@example.net
            Subject: a file
            MIME-Version: 1.0
            Content-Type: multipart/mixed;
             boundary="_004_"
            
            preamble
            --_004_
            Content-Type: multipart/alternative; boundary="_000_"
            
            --_000_
            Content-Type: text/plain; charset="iso-8859-1"
            Content-Transfer-Encoding: quoted-printable
            
            Here it is.
            
            --_000_
            Content-Type: text/html; charset="iso-8859-1"
            
            <p>Here it is.</p>
            
            --_000_--
            
            --_004_
            Content-Type: application/pdf; name="Secret plan.pdf"
            Content-Description: Secret plan.pdf
            Content-Disposition: attachment; filename="Secret plan.pdf";
            \tsize=200; creation-date="Sat, 30 Jan 2027 17:12:44 GMT"
            Content-Transfer-Encoding: base64
            
            AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4
            OTo7PD0+P0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3Bx
            cnN0dXZ3eHl6e3x9fn+AgYKDhIWGh4iJiouMjY6PkJGSk5SVlpeYmZqbnJ2en6ChoqOkpaanqKmq
            q6ytrq+wsbKztLW2t7i5uru8vb6/wMHCw8TFxsc=
            
            --_004_--
            
            """),
    ]

    static let expected = """
        From: Ann Bee <ann@example.org>
        To: Bob <bob@example.net>
        Cc: "C. D." <cd@example.com>
        Subject: =?utf-8?B?Q3JhbmVzIOKAkyBhdCBsYXN0?=
        Message-ID: <1bce4b5dd3c1aef1c8ace40d09ccf98b@example.org>
        MIME-Version: 1.0
        Content-Type: text/plain; charset=utf-8
        Content-Transfer-Encoding: quoted-printable
        
        Dear Bob,
        
        the cranes have come back to the lake this week, earlier than anybody here =
        can remember, and I counted two hundred of them yesterday evening.
        
        Gr=C3=BC=C3=9Fe
        Ann
        
        """
}
