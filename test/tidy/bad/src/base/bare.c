int bare;
