// libsodium: Curve25519 and Ed25519 arithmetic, protected memory, randomness of the OS. Only Sealing imports this.
#ifndef DUSTCLOUD_CSODIUM_H
#define DUSTCLOUD_CSODIUM_H
#include <sodium.h>
#endif
