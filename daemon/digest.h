#pragma once

/* SHA-256 by OpenSSL, for the engine's pairing (sync/engine.h). */

#include "sync/engine.h"

extern const EngineDigest digest_sha256;
