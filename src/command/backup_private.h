/* What backup and restore agree on: one tar file with the base first, the files beside it, and last a
 * manifest with the size and digest of each. Without its manifest a backup is none. */
#pragma once

#include "command/command.h"

#define BACKUP_FORMAT 1
#define BACKUP_BASE "papilio.db"
#define BACKUP_MANIFEST "manifest.json"
#define BACKUP_FILE_MAX 20000 /* files of one folder */
#define BACKUP_MANIFEST_MAX (16 * 1024 * 1024)

/* Folders of the data folder that go along. The key file and the deletion list never do. */
extern const char *const backup_folders[];
extern const int backup_folder_count;

/* "20260102-030405", UTC. */
struct str backup_stamp(struct arena *arena);
