/* SPDX-License-Identifier: MIT */
/* There is no C library on the floppy; headers of the walk name a stream. */
#ifndef TSP_RECORDER_STDIO_H
#define TSP_RECORDER_STDIO_H

typedef struct file FILE;

#endif
