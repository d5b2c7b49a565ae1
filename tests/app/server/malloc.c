/* Counts calls that change malloc for the whole process, by LD_PRELOAD: the file that KSHOT_MALLOC_CALLS names gets a
   byte for each, M for mallopt and T for malloc_trim. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static void note(char call) {
    int file = open(getenv("KSHOT_MALLOC_CALLS"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (file < 0 || write(file, &call, 1) != 1) abort();
    close(file);
}

int mallopt(int parameter, int value) {
    note('M');
    return ((int (*)(int, int))dlsym(RTLD_NEXT, "mallopt"))(parameter, value);
}

int malloc_trim(size_t pad) {
    note('T');
    return ((int (*)(size_t))dlsym(RTLD_NEXT, "malloc_trim"))(pad);
}
