#pragma once

/* What a test calls a request of a replica. */

#include "sync/replica.h"

static inline const char *request_name(ReplicaRequest request) {
        static const char *const names[] = {
                [REPLICA_LIST] = "LIST",       [REPLICA_STANDING] = "STANDING",
                [REPLICA_CREATE] = "CREATE",   [REPLICA_RENAME] = "RENAME",
                [REPLICA_REMOVE] = "REMOVE",   [REPLICA_SUBSCRIBE] = "SUBSCRIBE",
                [REPLICA_MOVE] = "MOVE",       [REPLICA_SEARCH] = "SEARCH",
                [REPLICA_CHANGES] = "CHANGES", [REPLICA_FETCH] = "FETCH",
                [REPLICA_STORE] = "STORE",     [REPLICA_EXPUNGE] = "EXPUNGE",
                [REPLICA_APPEND] = "APPEND",   [REPLICA_CLOSE] = "CLOSE",
                [REPLICA_WAIT] = "WAIT",
        };

        return names[request];
}
