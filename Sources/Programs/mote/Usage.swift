/// What `--help` prints.
enum Usage {
    static let text = """
        mote: a short-lived node of a Tor-protocol network: relay, exit, directory authority or client, as its torrc says.

        Usage: mote [-f TORRC] [--OPTION VALUE]...       run in the foreground; SIGTERM drains and exits, SIGHUP reads the torrc again
               mote --enrol fw_cfg|FILE [--OPTION VALUE] become the mote that a coordinator's order names; the torrc comes from there
               mote --verify-config [-f TORRC]           say whether the configuration is good
               mote --list-fingerprint [rsa|ed25519]     print NICKNAME and fingerprint; makes the keys if there are none
               mote --keygen                             make a signing key; also a master key where there is none
               mote --keygen-family NAME                 make NAME.secret_family_key and print the FamilyId line for its relays
               mote --create-authority-keys              make keys/authority_* in the data directory
               mote --dump-config [-f TORRC]             print the options that count
               mote --list-torrc-options                 print every option by name, ours marked
               mote --probe ADDRESS:PORT --fingerprint HEX [--market HEX]
                                                         say within 10 s whether that mote is up and has room on the exchange; exit 0 or 1
               mote --hash-password PASSWORD             print the hash for HashedControlPassword
               mote --version | --help

        -f FILE (- is standard input), --defaults-torrc FILE, --ignore-missing-torrc, --quiet, --hush are as in tor(1), and so are the options.
        Ours are MoteExpires TIME, MoteLifetime SPAN, MoteDrainWindow SPAN and MoteStreamLife SPAN; MoteMarket FOLDER for a relay that is sold on the
        exchange, MoteTickets FOLDER for a client that buys there; MoteMail 1 for one that takes and holds letters, with more options named MoteMail… and
        MoteSubmission…. At its end a mote wipes its keys from the disk.

        Exit status: 0 clean; 64 bad command line; 65 bad key file or order; 69 the mote's time is over; 71 system trouble; 73 cannot create a file or port;
        75 another node holds the data directory; 77 wrong permissions, or refused by the coordinator; 78 bad configuration.
        """
}
